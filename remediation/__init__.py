"""What we did about it, and undoing it. Its front page is the Action center."""
