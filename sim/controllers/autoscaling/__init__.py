"""The HorizontalPodAutoscaler controller: how many pods its metrics ask for, and how fast it may follow them."""
