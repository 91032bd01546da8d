// The stream itself. A browser allows six connections to a host, and an analyst has more tabs than that:
// one tab holds the stream and passes on what it hears; when it closes, the next takes over.
const LONGEST_RETRY = 30_000;
const channel = new BroadcastChannel("soc-live");

export class LiveStream extends EventTarget {
  #url;
  #source = null;
  #retry = 1000;
  #timer = 0;
  #holds = false;

  constructor(url) {
    super();
    this.#url = url;
    channel.onmessage = (event) => this.#heard(event.data);
  }

  start() {
    if (!navigator.locks) {
      this.#hold();
      return;
    }
    channel.postMessage({ ask: true });
    // The lock is held as long as the tab lives.
    navigator.locks.request("soc-live", () => {
      this.#hold();
      return new Promise(() => {});
    });
  }

  /** Try again now, here or in the tab that holds the stream. */
  retry() {
    if (this.#holds) this.#connect();
    else channel.postMessage({ retry: true });
  }

  stop() {
    this.#source?.close();
  }

  #hold() {
    this.#holds = true;
    this.#connect();
  }

  #connect() {
    clearTimeout(this.#timer);
    this.#source?.close();
    this.#source = new EventSource(this.#url);
    this.#source.onopen = () => {
      this.#retry = 1000;
      this.#share({ state: "open" });
    };
    this.#source.onerror = async () => {
      this.#source.close();
      this.#share({ state: (await this.#isRefused()) ? "refused" : "lost" });
      clearTimeout(this.#timer);
      this.#timer = setTimeout(() => this.#connect(), this.#retry + Math.random() * 500);
      this.#retry = Math.min(this.#retry * 2, LONGEST_RETRY);
    };
    this.#source.onmessage = (event) => this.#share({ data: event.data });
  }

  // The source does not say why it failed: nobody there, or nobody signed in.
  async #isRefused() {
    const answer = await fetch(this.#url, { headers: { "X-Unattended": "1" } }).catch(() => null);
    answer?.body?.cancel();
    return answer?.status === 401;
  }

  #share(news) {
    this.#tell(news);
    channel.postMessage(news);
  }

  #heard(news) {
    if (news.retry) this.#holds && this.#connect();
    else if (news.ask) this.#holds && channel.postMessage({ state: this.#source?.readyState === EventSource.OPEN ? "open" : "lost" });
    else this.#tell(news);
  }

  #tell(news) {
    if (news.state) this.dispatchEvent(new Event(news.state));
    else this.dispatchEvent(new MessageEvent("message", { data: news.data }));
  }
}
