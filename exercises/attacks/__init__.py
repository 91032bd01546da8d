"""Scripted attackers that look at what was done against them before each step, and react."""
