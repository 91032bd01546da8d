"""Pages: sessions, the console, the library, questions to many devices."""
