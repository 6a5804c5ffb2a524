"""Controllers about services: which pods stand behind them."""
