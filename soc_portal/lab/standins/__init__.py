"""Programs that look like attacks and harm nothing; each is laid on a host of the lab and run there by itself."""
