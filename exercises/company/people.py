"""Who works at the company: account name, display name, department, title, own machine (empty: shared ones)."""

# One line a person; a "+" before the account marks somebody whose mailbox or rights make them worth attacking.
EMPLOYEES = """
+c.moreau    | Céline Moreau        | Board       | Chief executive            | EXE-LT-001
+h.baptiste  | Hugo Baptiste        | Board       | Chief financial officer    | EXE-LT-002
+a.thorsen   | Astrid Thorsen       | Board       | Chief operating officer    | EXE-LT-003
k.oduya      | Kemi Oduya           | Board       | Assistant to the board     | EXE-LT-004
+m.okafor    | Mandla Okafor        | Finance     | Accounts clerk             | FIN-WS-014
+p.nowak     | Petra Nowak          | Finance     | Accounts payable           | FIN-WS-016
t.rasmussen  | Tove Rasmussen       | Finance     | Accounts payable           | FIN-WS-017
g.lombardi   | Giulia Lombardi      | Finance     | Controller                 | FIN-WS-011
s.vance      | Silas Vance          | Finance     | Payroll                    | FIN-WS-012
y.demir      | Yasemin Demir        | Finance     | Treasury                   | FIN-WS-013
b.fontaine   | Bruno Fontaine       | Finance     | Customs duties             | FIN-WS-015
e.quint      | Elke Quint           | Finance     | Invoicing                  | FIN-WS-018
r.castell    | Ramon Castell        | Finance     | Invoicing                  | FIN-WS-022
n.hoang      | Ngoc Hoang           | HR          | Head of people             | HR-WS-005
l.ferrante   | Livia Ferrante       | HR          | Recruiting                 | HR-WS-006
d.mbeki      | Dineo Mbeki          | HR          | Personnel files            | HR-WS-007
o.salander   | Oskar Salander       | HR          | Training                   | HR-WS-008
f.petit      | Fanny Petit          | HR          | Recruiting                 | HR-WS-009
+j.lindqvist | Jonna Lindqvist      | Sales       | Key accounts               | SAL-LT-003
v.marsh      | Victor Marsh         | Sales       | Head of sales              | SAL-LT-001
i.petrova    | Ilina Petrova        | Sales       | Key accounts               | SAL-LT-002
m.sorrel     | Mina Sorrel          | Sales       | Bids                       | SAL-LT-004
w.achterberg | Wim Achterberg       | Sales       | Agents abroad              | SAL-LT-005
z.karim      | Zahra Karim          | Sales       | Marketing                  | SAL-LT-006
q.brandao    | Quim Brandão         | Sales       | Field sales                | SAL-LT-007
u.eriksen    | Ulla Eriksen         | Operations  | Head of terminal           | OPS-WS-021
p.dvorak     | Pavel Dvořák         | Operations  | Berth planning             | OPS-WS-022
s.naidoo     | Sanjana Naidoo       | Operations  | Yard planning              | OPS-WS-023
r.kowal      | Rafal Kowal          | Operations  | Gate control               | OPS-WS-024
t.osei       | Theo Osei            | Operations  | Gate control               | OPS-WS-025
l.bergstrom  | Lova Bergström       | Operations  | Crane dispatch             | OPS-WS-026
h.ziegler    | Hanno Ziegler        | Operations  | Crane dispatch             |
c.duarte     | Catarina Duarte      | Operations  | Reefer watch               |
a.wolfe      | Arlo Wolfe           | Operations  | Rail desk                  |
m.ishii      | Mio Ishii            | Operations  | Dangerous goods            | OPS-WS-030
b.lindholm   | Bo Lindholm          | Operations  | Ship planning              | OPS-WS-031
e.sadiq      | Elham Sadiq          | Operations  | Ship planning              | OPS-WS-032
g.vermeer    | Gijs Vermeer         | Operations  | Warehouse                  |
n.tapia      | Nicolás Tapia        | Operations  | Warehouse                  |
k.halloran   | Keira Halloran       | Operations  | Port security              |
j.adler      | Jonas Adler          | IT          | Head of IT                 | IT-WS-001
+d.reyes     | Dario Reyes          | IT          | Systems administrator      | IT-WS-002
s.winther    | Signe Winther        | IT          | Network                    | IT-WS-003
f.obuya      | Faith Obuya          | IT          | Service desk               | IT-WS-004
a.rossetti   | Aldo Rossetti        | IT          | Laboratory                 | LAB-WS-004
t.varga      | Tamás Varga          | IT          | Development                | DEV-WS-011
y.nakata     | Yui Nakata           | IT          | Development                | DEV-WS-019
l.gruber     | Leonie Gruber        | Customs     | Declarations               | CUS-WS-041
p.sandoval   | Paz Sandoval         | Customs     | Declarations               |
m.tanaka     | Mei Tanaka           | Customs     | Inspections                |
o.braun      | Ole Braun            | Customs     | Bonded warehouse           |
r.mancini    | Rocco Mancini        | Operations  | Crane driver               |
s.lund       | Stellan Lund         | Operations  | Crane driver               |
e.moya       | Eva Moya             | Operations  | Straddle carrier           |
i.bekele     | Idris Bekele         | Operations  | Straddle carrier           |
c.whitlock   | Corin Whitlock       | Operations  | Lashing                    |
d.janssen    | Daan Janssen         | Operations  | Lashing                    |
h.farouk     | Hala Farouk          | Operations  | Tally                      |
v.sokolova   | Vera Sokolova        | Operations  | Tally                      |
b.ndiaye     | Bineta Ndiaye        | Operations  | Mooring                    |
x.leroy      | Xavier Leroy         | Operations  | Maintenance                |
a.hussein    | Amina Hussein        | Operations  | Maintenance                |
t.mikkelsen  | Tor Mikkelsen        | Operations  | Maintenance                |
j.serrano    | Julia Serrano        | Operations  | Electrical                 |
n.ostrow     | Nadia Ostrow         | Operations  | Safety                     |
g.pham       | Giang Pham           | Operations  | Environment                |
w.keller     | Wanda Keller         | Facilities  | Reception                  | FAC-WS-051
m.dubois     | Marc Dubois          | Facilities  | Caretaker                  |
s.tekin      | Selin Tekin          | Facilities  | Canteen                    |
ext.r.holm   | Rune Holm            | Contractors | Crane control vendor       |
ext.b.faye   | Binta Faye           | Contractors | Auditor                    |
"""

# Accounts that are no people: account name, display name, what for.
SERVICE_ACCOUNTS = """
svc-backup   | Backup service        | Nightly backup of every machine
svc-scan     | Vulnerability scanner | Authenticated scans
svc-sql      | Database service      | Terminal operating system
svc-print    | Print service         | Print queues
svc-gate     | Gate control service  | Number plate readers
svc-deploy   | Software distribution | Installs updates
svc-monitor  | Monitoring            | Reads counters
adm-d.reyes  | Dario Reyes (admin)   | Administration of servers
adm-s.winther | Signe Winther (admin) | Administration of the network
"""

SHARED_MAILBOXES = """
ap          | Accounts payable
invoices    | Invoices
dispatch    | Dispatch desk
customs     | Customs desk
careers     | Careers
helpdesk    | Service desk
"""

# The security team: people of the portal, not of the directory. Account, name, role key.
SECURITY_TEAM = """
demo.leila.haddad   | Leila Haddad   | analyst
demo.marek.sorensen | Marek Sørensen | analyst
demo.noor.castell   | Noor Castell   | analyst
demo.dev.anand      | Dev Anand      | responder
demo.iwona.petrak   | Iwona Petrak   | responder
demo.ruth.adeyemi   | Ruth Adeyemi   | manager
"""


def rows(table: str) -> list[list[str]]:
    """The cells of each line of a table above."""
    return [[cell.strip() for cell in line.split("|")] for line in table.strip().splitlines()]
