package preflight

// Checks are all there are, in the order in which they are made and shown.
var Checks = []Check{
	{"environment", "variables that nobody reads, misspelt or of another version", lookAtEnvironment},
	{"database", "whether a PostgreSQL of a version that will do lets us in", lookAtDatabase},
	{"encoding", "how the database encodes text", lookAtEncoding},
	{"primary", "whether the database takes writes", lookAtPrimary},
	{"durability", "whether what was acknowledged outlives a crash", lookAtDurability},
	{"isolation", "what transactions see of each other, where they do not say so", lookAtIsolation},
	{"pooler", "whether a session is ours for as long as we want it", lookAtPooler},
	{"connections", "whether as many as are configured may be made", lookAtConnections},
	{"clock", "how far this machine's clock is from the database's", lookAtClock},
	{"versions", "whether tables and log are of this version", lookAtVersions},
	{"rights", "whether the database role may do what it has to", lookAtRights},
	{"leftovers", "tables that a rebuild or a verification left behind when it was killed", lookAtLeftovers},
	{"eventstore", "whether the EventStoreDB lets us read and write", lookAtEventStore},
	{"replica", "whether the read replica is a standby of this database", lookAtReplica},
	{"images", "whether the store of images can be used and is this database's", lookAtImages},
	{"address", "whether the addresses to serve on can be had", lookAtAddresses},
	{"certificate", "whether the certificate fits its key and is valid", lookAtCertificate},
	{"files", "whether as many files may be open as are needed", lookAtFiles},
}
