package main

// The SHA-256 of the packages.
const (
	citiesDigest     = "aadd9eb4c4878500b2728f6e431e5b1c94e94ce3fea98f87d34024ad682fa8f5"
	charactersDigest = "c01f50b330e21b15b2c3242b697338a80836dc24128373523b2a34a63613982f"
)
