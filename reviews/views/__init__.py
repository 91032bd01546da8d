"""One module a page. Every view fetches through what the person may see, calls one service, renders."""
