/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The subsystems of rpingmeshd's log, with their names in the configuration, in the log and in
 * rpingmesh-ctl log-level. The program passes the names to log_init().
 */
#ifndef RPINGMESH_INCLUDE_LOG_SUBSYSTEMS_H
#define RPINGMESH_INCLUDE_LOG_SUBSYSTEMS_H

enum log_subsystem {
	LOG_SUB_MAIN,
	LOG_SUB_CONFIG,
	LOG_SUB_DEVICE,
	LOG_SUB_CM,
	LOG_SUB_PEER,
	LOG_SUB_RESPONDER,
	LOG_SUB_TRACE,
	LOG_SUB_CONTROL,
	LOG_SUB_CLUSTER,
	LOG_SUB_N
};

/* Initialises an array of LOG_SUB_N names. */
#define LOG_SUBSYSTEM_NAMES \
	{ \
		"main", "config", "device", "cm", "peer", "responder", "trace", "control", \
		"cluster", \
	}

#endif
