"""What every room stands on. No word of security operations belongs in here."""
