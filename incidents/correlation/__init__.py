"""Which alerts belong together: rules over shared evidence in event time, applied by one lane at a time."""
