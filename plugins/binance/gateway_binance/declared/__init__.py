"""What Binance's markets are in figures, one file each: hosts, limits, channels. Every number names its source."""
