"""Twenty shapes of attacks. Each is told as its steps; what a step names is what a sensor of that kind would know."""

from exercises.labelled.attack import Attack, Shape


def mail_fraud(a: Attack) -> None:
    letter, (person, _) = a.letter("Invoice"), a.victim()
    thief = a.stranger()
    for _ in range(a.rng.randrange(1, 4)):
        other, _ = a.victim()
        a.see("lure", "phish", letter=letter, recipient=other.upn, account=None)
    a.see("lure", "phish", letter=letter, recipient=person.upn)
    a.wait(5, 90)
    a.see("lure", "click", account=person, url=letter.url)
    a.wait(2, 60)
    a.see("entry", "travel", account=person, address=thief)
    a.see("entry", "token", account=person, address=thief)
    a.wait(10, 240)
    a.see("hiding", "inbox_rule", account=person, recipient=person.upn, mailbox_rule=".", address=thief)
    a.see("fraud", "forward", account=person, recipient=person.upn, address=thief)
    a.wait(60, 600)
    a.see("fraud", "mass_mail", account=person, recipient=person.upn, address=thief, times=3, apart=40)
    a.see("fraud", "mass_download", account=person, address=thief, times=2, apart=60)


def token_theft(a: Attack) -> None:
    (person, desk), thief = a.victim(), a.stranger()
    thing = a.program("helper")
    a.see("entry", "dropper", machine=desk, account=person, program=thing)
    a.wait(5, 60)
    a.see("theft", "dump", machine=desk, account=person, program=thing, command=a.command("cookies"))
    a.wait(20, 300)
    a.see("use", "token", account=person, address=thief)
    a.see("use", "unfamiliar", account=person, address=thief, times=3, apart=30)
    a.see("persistence", "mfa_change", account=person, address=thief)
    a.wait(30, 300)
    a.see("theft of data", "mass_download", account=person, address=thief, times=3, apart=40)
    a.see("persistence", "consent", account=person, address=thief)


def ransomware(a: Attack) -> None:
    (person, desk), admin, c2 = a.victim(), a.admin(), a.stranger()
    loader, locker = a.program("loader"), a.program("locker")
    a.see("entry", "macro", machine=desk, account=person, program=loader, command=a.command("stage"))
    a.see("entry", "powershell", machine=desk, account=person, command=a.command("stage"), program=loader)
    a.wait(2, 40)
    a.see("control", "beacon", machine=desk, address=c2, times=2, apart=30)
    a.wait(10, 120)
    a.see("discovery", "discovery", machine=desk, account=person)
    a.see("credentials", "dump", machine=desk, account=person, program=loader)
    a.wait(10, 200)
    targets = [a.server("FILE"), a.server("APP"), a.server("BKP"), a.victim()[1]]
    for target in targets:
        a.see("spreading", "lateral", machine=target, account=admin, program=locker, others=(desk,))
        a.wait(2, 30)
    a.see("hiding", "tamper", machine=targets[0], account=admin)
    for target in targets:
        a.see("impact", "shadow", machine=target, account=admin, program=locker)
        a.see("impact", "encrypt", machine=target, account=admin, program=locker)


def spray_then_login(a: Attack) -> None:
    thief, (person, _) = a.stranger(), a.victim()
    for _ in range(a.rng.randrange(4, 9)):
        other, _ = a.victim()
        a.see("guessing", "spray", account=other, address=thief, apart=6)
    a.see("guessing", "guess", account=person, address=thief, machine=a.server("VPN"))
    a.wait(2, 60)
    a.see("entry", "unfamiliar", account=person, address=thief)
    a.see("persistence", "mfa_change", account=person, address=thief)
    a.wait(30, 300)
    a.see("theft", "mass_download", account=person, address=thief, times=2, apart=60)


def web_shell(a: Attack) -> None:
    web, thief = a.server("WEB"), a.stranger()
    a.see("probing", "web_attack", machine=web, address=thief, times=a.rng.randrange(3, 7), apart=8)
    shell = a.program("status")
    a.see("foothold", "web_shell", machine=web, program=shell)
    a.wait(1, 30)
    a.see("foothold", "web_child", machine=web, program=shell, command=a.command("whoami"), times=2)
    a.see("discovery", "discovery", machine=web)
    a.wait(10, 200)
    sql = a.server("SQL")
    a.see("spreading", "lateral", machine=sql, account=a.network.services[4], others=(web,))
    a.see("theft", "archive", machine=sql, account=a.network.services[4])
    a.see("theft", "upload", machine=sql, address=a.stranger(), account=a.network.services[4])
    a.see("control", "beacon", machine=web, address=thief, times=2, apart=90)


def insider(a: Attack) -> None:
    person, desk = a.victim()
    for _ in range(a.rng.randrange(2, 4)):
        a.see("gathering", "mass_download", account=person, address=a.network.egress)
        a.see("gathering", "archive", machine=desk, account=person)
        a.wait(600, 1800)
    goal = a.stranger()
    a.see("theft", "upload", machine=desk, account=person, address=goal, times=2, apart=60)
    a.see("theft", "usb_copy", machine=desk, account=person, times=3, apart=30)
    a.wait(10, 120)
    a.see("hiding", "log_clear", machine=desk, account=person)


def miner(a: Attack) -> None:
    coin, pool = a.program("xmr"), a.stranger()
    for host in (a.server("APP"), a.server("SQL"), a.victim()[1]):
        a.see("entry", "guess", machine=host, address=a.stranger())
        a.see("installation", "service", machine=host, program=coin)
        a.see("impact", "miner", machine=host, program=coin)
        a.wait(5, 90)
        a.see("impact", "pool", machine=host, address=pool, times=2, apart=120)


def slow_attack(a: Attack) -> None:
    """A few steps a day for more than a week."""
    (person, desk), c2 = a.victim(), a.stranger()
    tool = a.program("sync")
    a.see("entry", "dropper", machine=desk, account=person, program=tool)
    a.see("persistence", "task", machine=desk, account=person, program=tool)
    for _ in range(a.rng.randrange(3, 6)):
        a.wait(700, 2300)
        a.see("control", "beacon", machine=desk, address=c2)
        a.see("discovery", "discovery", machine=desk, account=person, program=tool, command=a.command("net"))
    a.wait(300, 1500)
    a.see("credentials", "kerberoast", machine=desk, account=person)
    a.wait(300, 1500)
    server = a.server("FILE")
    a.see("spreading", "wmi", machine=server, account=a.admin(), others=(desk,), program=tool)
    a.see("theft", "archive", machine=server, program=tool)
    a.see("theft", "beacon", machine=server, address=c2)


def supply_chain(a: Attack) -> None:
    bad, c2 = a.program("updater"), a.stranger()
    hosts = [a.victim() for _ in range(a.rng.randrange(4, 8))]
    for person, desk in hosts:
        a.see("entry", "update", machine=desk, account=person, program=bad)
        a.wait(1, 60)
        a.see("control", "beacon", machine=desk, address=c2)
    person, desk = hosts[0]
    a.see("second stage", "powershell", machine=desk, account=person, command=a.command("two"), program=bad)
    a.see("credentials", "dump", machine=desk, account=person)


def usb(a: Attack) -> None:
    (person, desk), worm = a.victim(), a.program("holiday")
    a.see("entry", "usb_run", machine=desk, account=person, program=worm)
    a.see("execution", "dropper", machine=desk, account=person, program=worm)
    a.see("persistence", "run_key", machine=desk, account=person, program=worm)
    a.wait(20, 200)
    a.see("control", "beacon", machine=desk, address=a.stranger(), times=2)
    for _ in range(2):
        a.wait(60, 900)
        other, its = a.victim()
        a.see("spreading", "usb_run", machine=its, account=other, program=worm)
        a.see("execution", "malware", machine=its, account=other, program=worm)


def consent_phishing(a: Attack) -> None:
    letter = a.letter("Shared document")
    people = [a.victim()[0] for _ in range(3)]
    for person in people:
        a.see("lure", "phish", letter=letter, recipient=person.upn)
    a.wait(10, 120)
    caught, thief = people[0], a.stranger()
    a.see("lure", "click", account=caught, url=letter.url)
    a.see("persistence", "consent", account=caught, address=thief)
    a.wait(60, 600)
    a.see("theft", "mass_download", account=caught, address=thief, times=3, apart=60)
    a.see("theft", "forward", account=caught, recipient=caught.upn, address=thief)


def attachment_trojan(a: Attack) -> None:
    letter, thing, c2 = a.letter("Offer", attachments=1), a.program("offer"), a.stranger()
    people = [a.victim() for _ in range(3)]
    for person, _ in people:
        a.see("lure", "attachment", letter=letter, recipient=person.upn, program=thing)
    for person, desk in people[:2]:
        a.wait(5, 90)
        a.see("execution", "macro", machine=desk, account=person, program=thing, command=a.command("offer"))
        a.see("execution", "powershell", machine=desk, account=person, program=thing, command=a.command("offer"))
        a.see("control", "beacon", machine=desk, address=c2)
    a.see("credentials", "dump", machine=people[0][1], account=people[0][0], program=thing)


def vpn_takeover(a: Attack) -> None:
    (person, _), thief, gateway = a.victim(), a.stranger(), a.server("VPN")
    a.see("entry", "guess", machine=gateway, account=person, address=thief)
    a.see("entry", "unfamiliar", account=person, address=thief)
    a.wait(5, 60)
    a.see("discovery", "rdp", machine=a.server("APP"), account=person)
    target = a.server("FILE")
    a.see("spreading", "rdp", machine=target, account=person)
    a.see("persistence", "remote_tool", machine=target, account=person, program=a.program("assist"))
    a.wait(30, 240)
    a.see("theft", "archive", machine=target, account=person)
    a.see("theft", "upload", machine=target, account=person, address=a.stranger())


def domain_takeover(a: Attack) -> None:
    (person, desk), admin = a.victim(), a.admin()
    tool = a.program("audit")
    a.see("entry", "dropper", machine=desk, account=person, program=tool)
    a.see("discovery", "discovery", machine=desk, account=person, program=tool, command=a.command("dc"))
    a.wait(10, 90)
    a.see("credentials", "kerberoast", machine=desk, account=person, times=2)
    a.see("credentials", "dump", machine=desk, account=person, program=tool)
    a.wait(20, 240)
    dc = a.server("DC")
    a.see("spreading", "wmi", machine=dc, account=admin, others=(desk,), program=tool)
    a.see("domination", "new_admin", machine=dc, account=admin)
    a.see("domination", "dump", machine=dc, account=admin, program=tool)
    a.see("hiding", "log_clear", machine=dc, account=admin)


def fake_support(a: Attack) -> None:
    (person, desk), c2 = a.victim(), a.stranger()
    tool = a.program("support")
    a.see("entry", "remote_tool", machine=desk, account=person, program=tool, address=c2)
    a.wait(3, 40)
    a.see("execution", "powershell", machine=desk, account=person, program=tool, command=a.command("help"))
    a.see("hiding", "tamper", machine=desk, account=person)
    a.see("credentials", "dump", machine=desk, account=person, program=tool)
    a.see("control", "beacon", machine=desk, address=c2, times=2)
    a.wait(20, 200)
    a.see("theft", "upload", machine=desk, account=person, address=c2)


def dns_exfiltration(a: Attack) -> None:
    (person, desk), domain = a.victim(), f"cdn{a.rng.randrange(10**6)}.example"
    tool = a.program("dnscat")
    a.see("entry", "dropper", machine=desk, account=person, program=tool)
    for _ in range(a.rng.randrange(4, 7)):
        a.wait(60, 500)
        a.see("control", "dns_tunnel", machine=desk, url=f"https://{domain}/")
    a.see("gathering", "archive", machine=desk, account=person, program=tool)
    a.see("theft", "dns_tunnel", machine=desk, url=f"https://{domain}/", times=2)


def admin_misuse(a: Attack) -> None:
    admin, dc = a.admin(), a.server("DC")
    victim, _ = a.victim()
    a.see("misuse", "new_admin", machine=dc, account=admin)
    a.see("misuse", "mfa_change", account=admin, recipient=victim.upn, address=a.network.egress)
    a.wait(30, 300)
    thief = a.stranger()
    a.see("use", "unfamiliar", account=victim, address=thief, times=2)
    a.see("use", "token", account=victim, address=thief)
    a.see("theft", "mass_download", account=victim, address=thief, times=2, apart=60)
    a.see("hiding", "inbox_rule", account=victim, recipient=victim.upn, mailbox_rule="x", address=thief)


def wiper(a: Attack) -> None:
    thing, admin = a.program("clean"), a.admin()
    update = a.server("UPD")
    a.see("entry", "rdp", machine=update, account=admin, address=a.stranger())
    a.see("hiding", "tamper", machine=update, account=admin)
    for _ in range(a.rng.randrange(4, 7)):
        _, desk = a.victim()
        a.see("spreading", "service", machine=desk, program=thing, account=admin)
        a.see("impact", "encrypt", machine=desk, program=thing)


def stealer(a: Attack) -> None:
    (person, desk), c2, thing = a.victim(), a.stranger(), a.program("setup")
    a.see("entry", "malware", machine=desk, account=person, program=thing)
    a.see("execution", "dropper", machine=desk, account=person, program=thing)
    a.see("control", "odd_traffic", machine=desk, address=c2, times=3, apart=40)
    a.wait(300, 1500)
    a.see("use", "unfamiliar", account=person, address=c2, times=2)
    a.see("use", "travel", account=person, address=c2)
    a.see("theft", "mass_download", account=person, address=c2, times=2)


def printer_pivot(a: Attack) -> None:
    printer, thief = a.server("PRN"), a.stranger()
    a.see("entry", "web_attack", machine=printer, address=thief, times=3)
    a.see("foothold", "web_child", machine=printer, command=a.command("lpd"), program=a.program("lpd"))
    a.see("control", "beacon", machine=printer, address=thief, times=2, apart=60)
    a.wait(30, 500)
    account = a.network.services[1]
    tool = a.program("pivot")
    for target in (a.server("FILE"), a.victim()[1]):
        a.see("spreading", "lateral", machine=target, account=account, others=(printer,), program=tool)
        a.see("credentials", "dump", machine=target, account=account, program=tool)


SHAPES: tuple[Shape, ...] = (
    mail_fraud, token_theft, ransomware, spray_then_login, web_shell, insider, miner, slow_attack, supply_chain, usb,
    consent_phishing, attachment_trojan, vpn_takeover, domain_takeover, fake_support, dns_exfiltration, admin_misuse,
    wiper, stealer, printer_pivot,
)  # fmt: skip
