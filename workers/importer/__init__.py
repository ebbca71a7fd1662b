"""Tables of any layout (CSV, Excel, Parquet) made into events by a mapping file."""
