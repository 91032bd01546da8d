"""What we learned: reads every room, is read by none."""
