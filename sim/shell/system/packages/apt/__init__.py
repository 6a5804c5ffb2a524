"""apt, apt-get, apt-cache and apt-mark."""
