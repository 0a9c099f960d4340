"""Rules that make calls fail on purpose.

`actions` names what can happen to which call, `rules` decides which rules match, `breakpoints` holds calls until a test
releases them, `broken_responses` ends connections, `catalogue` describes everything for forms and programs.
"""
