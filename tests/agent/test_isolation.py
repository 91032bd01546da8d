"""A host that is cut off, seen from the other end of its wire: held, given back, and never left half way."""

import textwrap

import pytest

from tests.agent.needs import in_namespaces, need_program

BEGIN = "from tests.agent.cut_host import *\nwith CutHost() as host:\n"


@pytest.fixture(autouse=True)
def _tools() -> None:
    for name, package in (("nft", "nftables"), ("ip", "iproute2"), ("conntrack", "conntrack")):
        need_program(name, package)


def cut(script: str) -> str:
    return in_namespaces(BEGIN + textwrap.indent(textwrap.dedent(script), "    "), within=240)


def test_a_host_is_cut_off_hears_the_portal_and_is_given_back() -> None:
    cut("""
        assert not host.is_cut()
        host.isolate(1)
        assert host.is_cut()
        evidence = host.seen(1, lambda network: network["evidence"]["trial"].get("portal"))["evidence"]
        assert evidence["trial"]["canary"] == "cut", evidence
        assert sorted(evidence["tables"]) == ["inet", "netdev"]
        host.portal.order("c1", "file.collect", {"path": "/etc/hostname"}, effect="collect")
        assert host.portal.result("c1")["state"] == "succeeded"
        assert host.release(2)["value"] == "connected"
        assert not host.is_cut() and "soc_isolation" not in host.rules()
    """)


def test_rules_that_somebody_flushes_or_changes_are_back_within_a_second() -> None:
    said = cut("""
        host.isolate(1)
        before = same(host.rules())
        for words in (("flush", "ruleset"), ("delete", "table", "netdev", "soc_isolation"),
        ("insert", "rule", "inet", "soc_isolation", "outward", "accept")):
            host.inside("nft", *words)
            print(until(lambda: same(host.rules()) == before, 1.0), host.is_cut())
    """)
    assert said.count("True") == 3, said


def test_without_the_agent_the_kernel_opens_when_the_time_is_over() -> None:
    cut("""
        host.isolate(1, expires_s=6)
        host.kill("network")
        host.kill("helper")
        assert host.is_cut()
        assert until(lambda: not host.is_cut(), 9) > 2
    """)


def test_while_the_portal_is_away_for_longer_the_host_opens_and_stays_open() -> None:
    cut("""
        host.isolate(1, expires_s=5)
        host.kill("network")
        until(lambda: not host.is_cut(), 9)
        host.kill("helper")
        host.start("helper")
        until(lambda: '"code": "expired"' in host.status(), 9)
        assert not host.is_cut()
        host.start("network", "run")
        until(host.is_cut, 9)
    """)


def test_a_host_that_is_to_stay_cut_does_so() -> None:
    cut("""
        assert host.isolate(1, expires_s=0)["evidence"]["left_s"] is None
        host.kill("network")
        host.kill("helper")
        assert "timeout" not in host.rules()
        assert host.is_cut()
    """)


def test_after_a_start_of_the_host_it_is_cut_off_before_its_network_is_there() -> None:
    cut("""
        host.isolate(1)
        host.kill("network")
        host.kill("helper")
        host.inside("nft", "flush", "ruleset")
        assert not host.is_cut()
        assert host.run("reload_isolation") == "soc-agent-isolation: cut off\\n"
        assert host.is_cut()
        host.inside("nft", "flush", "ruleset")
        host.inside("ip", "link", "set", "p0", "name", "p9")
        assert "cut off" in host.run("reload_isolation")
        assert host.is_cut()
        host.start("helper")
        until(lambda: '"p9"' in host.rules() or "p9" in host.rules())
    """)


def test_rules_that_cut_off_the_portal_itself_are_taken_back() -> None:
    cut("""
        host.kill("helper")
        host.settings(agent_uid=54321)
        host.start("helper")
        host.portal.want(1, {"network": {"isolated": True, "type": "full", "expires_s": 600}})
        seen = host.seen(1, lambda network: network.get("evidence", {}).get("code") == "self_test")
        assert not seen["reached"], seen
        assert not host.is_cut() and "soc_isolation" not in host.rules()
    """)


def test_a_release_code_opens_the_host_without_the_portal_until_it_decides_anew() -> None:
    cut("""
        host.isolate(1)
        host.kill("network")
        host.run("control", "release", host.portal.release_code())
        until(lambda: not host.is_cut())
        host.kill("helper")
        host.start("helper")
        until(lambda: "released_by_code" in host.status())
        assert not host.is_cut()
        host.start("network", "run")
        host.seen(1, lambda network: network.get("evidence", {}).get("released_by_code") == "r1")
        host.isolate(2)
        assert host.is_cut()
    """)


def test_a_release_code_works_without_the_helper_too() -> None:
    cut("""
        host.isolate(1)
        host.kill("network")
        host.kill("helper")
        host.run("control", "release", host.portal.release_code())
        assert not host.is_cut()
        host.start("helper")
        until(lambda: "released_by_code" in host.status())
        assert not host.is_cut()
    """)


def test_an_open_connection_to_another_is_dead_and_forgotten() -> None:
    cut("""
        import socket
        server = socket.create_server((HERE, 7070))
        host.inside("nft", "-f", "-", text=FOLLOWED)
        code = f"import socket, time; s = socket.create_connection(('{HERE}', 7070)); time.sleep(60)"
        talking = subprocess.Popen(["/usr/bin/nsenter", "-t", str(host.peer.pid), "-n", sys.executable, "-c", code])
        end, _ = server.accept()
        assert "dport=7070" in host.inside("conntrack", "-L")
        host.isolate(1)
        until(lambda: "dport=7070" not in host.inside("conntrack", "-L"))
        talking.kill()
        talking.wait()
        end.close()
        server.close()
    """)


@pytest.mark.parametrize("step", ["isolation.apply", "isolation.keep", "keep_network.end_flows"])
@pytest.mark.parametrize("when", ["before", "after"])
def test_a_crash_at_any_step_of_cutting_off_ends_cut_off(step: str, when: str) -> None:
    module, name = step.split(".")
    crash = "lambda *a: os._exit(9)" if when == "before" else "lambda *a: (real(*a), os._exit(9))"
    cut(f"""
        host.kill("helper")
        host.start("helper", before="import os, soc_agent.{module} as m; real = m.{name}; m.{name} = {crash}")
        host.portal.want(1, {{"network": {{"isolated": True, "type": "full", "expires_s": 600}}}})
        assert host.ended("helper") == 9
        host.start("helper")
        host.seen(1, lambda network: network["reached"])
        assert host.is_cut()
        host.release(2)
        assert not host.is_cut() and not (host.root / "host/var/lib/soc-agent/helper/isolation.nft").exists()
    """)
