"""Sets of labelled alerts to measure correlation with: attacks of many shapes in a company's ordinary noise."""
