"""Items to vectors: ID embedding, text and image encoders, their fusion, and what they share."""
