"""Parquet tables: one module for each stage declares the columns, and `parquet` reads and writes them."""
