"""The paper stage: what its figures, tables and manifest share. Each figure's own drawing lives in its script."""
