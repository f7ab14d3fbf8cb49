package expr

// sessionFunctions is the functions of the session, with the oids, types and properties that
// PostgreSQL 15 gives them (pg_proc).
func sessionFunctions() []fun {
	return []fun{
		{90010, "current_catalog", "", "name", "sh", sessionName(databaseOf)},
		{861, "current_database", "", "name", "sh", sessionName(databaseOf)},
		{90001, "current_date", "", "date", "sh", withSession(currentDate)},
		{90009, "current_role", "", "name", "sh", sessionName(userOf)},
		{1402, "current_schema", "", "name", "sh", withSession(currentSchema)},
		{1403, "current_schemas", "bool", "_name", "sh", withSession(currentSchemas)},
		{2077, "current_setting", "text", "text", "sh", withSession(currentSetting)},
		{3294, "current_setting", "text,bool", "text", "sh", withSession(currentSetting)},
		{90002, "current_timestamp", "", "timestamptz", "sh", withSession(now)},
		{90003, "current_timestamp", "int4", "timestamptz", "sh", withSession(now)},
		{745, "current_user", "", "name", "sh", sessionName(userOf)},
		{1575, "currval", "text", "int8", "vh", sequence("currval")},
		{710, "getpgusername", "", "name", "sh", sessionName(userOf)},
		{2559, "lastval", "", "int8", "vh", sequence("lastval")},
		{90004, "localtime", "", "time", "sh", withSession(localTime)},
		{90005, "localtime", "int4", "time", "sh", withSession(localTime)},
		{90006, "localtimestamp", "", "timestamp", "sh", withSession(localTimestamp)},
		{90007, "localtimestamp", "int4", "timestamp", "sh", withSession(localTimestamp)},
		{1574, "nextval", "text", "int8", "vh", sequence("nextval")},
		{2880, "pg_advisory_lock", "int8", "void", "v", nil},
		{2886, "pg_advisory_lock", "int4,int4", "void", "v", nil},
		{2884, "pg_advisory_unlock", "int8", "bool", "v", nil},
		{2890, "pg_advisory_unlock", "int4,int4", "bool", "v", nil},
		{2892, "pg_advisory_unlock_all", "", "void", "vh", withSession(noLocks)},
		{3089, "pg_advisory_xact_lock", "int8", "void", "v", nil},
		{3093, "pg_advisory_xact_lock", "int4,int4", "void", "v", nil},
		{2026, "pg_backend_pid", "", "int4", "sh", withSession(backendPID)},
		{3810, "pg_is_in_recovery", "", "bool", "vh", withSession(notInRecovery)},
		{2626, "pg_sleep", "float8", "void", "vh", withSession(sleep)},
		{2882, "pg_try_advisory_lock", "int8", "bool", "v", nil},
		{2888, "pg_try_advisory_lock", "int4,int4", "bool", "v", nil},
		{746, "session_user", "", "name", "sh", sessionName(sessionUser)},
		{2078, "set_config", "text,text,bool", "text", "vnh", withSession(setConfig)},
		{90008, "user", "", "name", "sh", sessionName(userOf)},
		{89, "version", "", "text", "sh", sessionName(versionOf)},
	}
}
