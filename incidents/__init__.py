"""What happened, to what: alerts become incidents, with the devices, files, identities and mailboxes they name."""
