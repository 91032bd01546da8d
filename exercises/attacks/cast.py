"""All attacks of the demo, the most urgent first."""

from exercises.attacks.course import Attack
from exercises.attacks.mail_fraud import MAIL_FRAUD
from exercises.attacks.ransomware import RANSOMWARE
from exercises.attacks.token_theft import TOKEN_THEFT

ATTACKS: tuple[Attack, ...] = (RANSOMWARE, MAIL_FRAUD, TOKEN_THEFT)
