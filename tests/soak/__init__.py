"""Auth through a long rough time: the real worker in virtual time, against a model of TikTok's token endpoint."""
