"""What is measured on networks, each for a table or figure of its own: costs, evidence, placements."""
