"""Does something that says it is TikTok's API behave like it? Plain HTTP against any address."""
