"""What every process needs: command line, settings, logs, tracing."""
