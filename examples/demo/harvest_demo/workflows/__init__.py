"""One file a workflow; its class is named like the file."""
