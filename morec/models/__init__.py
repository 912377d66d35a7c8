"""User encoders and the recommender that joins one with an item encoder."""
