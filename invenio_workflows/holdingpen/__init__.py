"""The Holding Pen: pages on which a person sees what waits, and decides."""
