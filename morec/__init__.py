"""MoRec: trains one recommender trial; knows nothing of studies, Ray Tune or reports."""

__version__ = "0.1.0"
