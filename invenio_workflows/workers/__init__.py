"""Where calls are performed: threads of this process, or a task queue."""
