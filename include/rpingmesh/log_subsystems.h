/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The subsystems that rpingmeshd logs under, as the configuration, the log and rpingmesh-ctl
 * log-level name them. A room logs under one of them; the program gives their names to core/log.
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
	LOG_SUB_N
};

/* In the order of the enum: for an array of LOG_SUB_N. */
#define LOG_SUBSYSTEM_NAMES \
	{ \
		"main", "config", "device", "cm", "peer", "responder", "trace", "control", \
	}

#endif
