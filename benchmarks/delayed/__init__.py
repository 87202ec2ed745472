"""What is delayed, over its three workers, against what their brokers could do."""
