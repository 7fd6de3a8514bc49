/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What rpingmeshd and its clients agree on beside MessagePack-RPC itself: the socket, the methods,
 * the records. A record is a map with string keys and a "type"; keys are added, never renamed; a
 * reader skips keys that it does not know. Times in *_ns are nanoseconds; time_ns, last_ok_ns, last_change_ns
 * and loop_stall_max_time_ns are since the Unix epoch. "?" below marks a key that may be nil.
 *
 * An error is a map {code, message}: code a Linux errno, ENOSYS for a method that this daemon lacks, EPERM
 * for one that the caller has no right to. A client that reads too slowly misses notifications; before the
 * next one that it gets comes "dropped" [{count}].
 *
 * method       params                      result
 * methods      []                          [{name, doc, change}]
 * status       []                          status record
 * devices      []                          [device record]
 * acknowledge  [{device?: str}]            {flaps: how many of the last hour that were}; right: change. Without a device: of all;
 *                                          one that is left alone is tried again at once. ENODEV: no such device
 * peers        []                          [peer record]
 * targets      []                          [target record], those of flows left out
 * subscribe    [{kinds?: [str]}]           {}; then notifications "probe" [probe record] until "unsubscribe"
 * unsubscribe  []                          {}
 * ping         [{host, count?, interval_ns?, size?, flow_label?, traffic_class?, timeout_ns?, device?,
 *               source?}]                  {ping: id, address, device, ...}; then notifications "ping"
 *                                          [probe record with key ping: id] and at last "ping_done"
 *                                          [{ping: id, totals...}]
 * ping_stop    [{ping: id}]                {}; "ping_done" follows once the probes in flight have ended
 * flows        [{after?: id, limit?: int}] {flows: [flow record], next: id?}: those with an id > after, at most limit (64 if
 *                                          left out, 256 at most); next? is what to pass as after for the rest, nil at the end
 * events       []                          {}; then notifications "event" [event record] until "events_stop"
 * events_stop  []                          {}
 * windows      [{by?: str, after?: int,    {windows: [window record], next: int?}: the last closed one of each "target" (the default), "flow" or
 *               limit?: int}]              "device"; after, limit and next as with flows, but a page may have fewer than limit, or none
 * subscribe_windows [{by?: [str]}]         {}; then notifications "window" [window record], when it is closed, until
 *                                          "unsubscribe_windows"
 * unsubscribe_windows []                   {}
 * reload       []                          reload record; right: change. An error has file and line of the mistake
 * config       []                          config record: the configuration in force, but for the peers
 * config_peers [{after?: int, limit?: int}] {generation, peers: [{address, device?, source?, interval_ms, sizes, flow_labels, traffic_class,
 *                                          service_level}], next: int?}; after, limit and next as with flows
 * log_level    []                          {type "log_level", levels: {subsystem: level}, configured: the same as configured}
 * log_level_set [{level: str,              the same; right: change. Until the next reload; of all subsystems if none is named
 *               subsystems?: [str]}]
 *
 * status       type "status", schema, version, pid, uptime_s, hostname, tor?, incarnation, time_ns, config_file?,
 *              config_error? (why the last reload was refused), tracing ("on" "off" "degraded"),
 *              tracing_reason?, trace? (map, below; nil while tracing is off by configuration), degraded [str: each degraded state in a sentence], loop_stall_max_ns,
 *              loop_stall_max_who, loop_stall_max_time_ns?, loop_callbacks, devices (number), devices_up, peers,
 *              peers_up, targets, flows, in_flight, probes (totals map), responder (map of counters),
 *              control (map of counters), throttle_step (0 to 6: all but pings are probed at 1/2^step of their rates),
 *              throttle_factor (1/2^step), throttle_reason? ("cpu" "memory"), cpu_percent? (of one core; nil while nothing is
 *              probed), cpu_percent_max? (nil: no limit), memory_bytes? (resident), memory_bytes_max?, lossy_paths (number), lossy
 *              [{device?, peer, hostname?, flow? (id), src_port?, flow_label, traffic_class, since_ns, lost, of}] (32 at most)
 * trace        (in status) state ("off" "waiting" "starting" "on" "failed"), method ("perf kprobe" "kprobe.multi" or nil), hooks,
 *              hooks_wanted, attached_ns?, reattached, events, lost_ring, lost_calls, missed_returns, own, other_devices, bad, qps, flows,
 *              flows_probed, qps_created, qps_destroyed, found, vanished, over_qps, over_flows, dumps, dumps_failed, last_dump_ns?,
 *              last_dump_qps, dump_error?
 * device       type "device", device, port, state, state_reason?, clock ("hw" "sw"), clock_reason? (why sw, or why not raw timestamps),
 *              clock_khz?, clock_wrap_ns? (nil: none, or it never starts over), clock_rejected (timestamps that did not fit the host's
 *              clock), probes_per_s_max (now, that is after throttling), in_flight, posted, deferred, skipped,
 *              posted_service (of posted), skipped_service (of skipped), probes_per_s (sent in the last whole second),
 *              probes_per_s_service (of these), source_qps? (map wanted, found, tries, given_up; where the port is bound to the QP),
 *              send_errors, receives, receive_errors, receive_queue_full; while the device is there also link_layer,
 *              netdev?, node_guid, driver?, mtu, gid?, gid_index?, gids [{index, gid, address, type}], qpn? (prober),
 *              responder_qpn?, last_change_ns?; port_state ("closed" "opening" "down" "no_address" "building" "up"
 *              "backing_off" "given_up"), port_state_since_ns?, error? (of the last failure, while it keeps the port from
 *              being up), retry_ns? (when it is tried again), flaps (departures from up in the last hour that nobody has
 *              acknowledged), flaps_total (since the start), last_flap_ns?, rebuilds, events (map: name of an event of the port -> how
 *              often), async_events (map: kind of asynchronous event of the device -> how often), history [{time_ns, from,
 *              to (port states), event, error?, lasted_ns (how long it had been in from), acknowledged}] (the newest
 *              first, 32 at most, of the last 24 hours), counters (map: name of a file in sysfs, net_ before those of the network
 *              interface -> {value, delta (risen by in counters_span_ns), total (risen by since the start), bad (bool: tells of drops,
 *              errors or the like)}), counters_time_ns?, counters_span_ns?, counters_read_max_ns, counters_read_max_name?
 * peer         type "peer", address (as configured), device?, state, state_reason?, configured (bool), gid?, hostname?, tor?,
 *              sent, posted, one count per class; while it is bound to a device also source, qpn?, incarnation?,
 *              state_since_ns?, resolves, restarts, wrong_source, last_ok_ns?, last_rtt_ns?, recent (map: span_s, results,
 *              answered, lost, noise (results with host noise; in neither lost nor the figures), lost_ratio?, rtt_min_ns?,
 *              rtt_p50_ns?, rtt_p99_ns?, rtt_max_ns?, prober_delay_p50_ns?, responder_delay_p50_ns?), loss_verdict ("none": not sure yet; "clean", "lossy": by a sequential test of
 *              loss 1e-5 against 1e-3, of all its targets the worst), loss_verdict_since_ns?, loss_verdict_lost?, loss_verdict_of?
 *              (probes that it rests on)
 * target       type "target", peer, device, kind, interval_ns, sizes [int or "mtu"], flow_label, traffic_class, service_level,
 *              src_port?, path, sent, posted, one count per class, recent and loss_verdict… as in peer
 * flow         type "flow", id, device, port, driver?, src_gid, dst_gid (addresses), gid_type ("RoCE v2" …), src_port?, traffic_class,
 *              service_level, path_mtu? (bytes), since_ns, owners [{pid? (nil: kernel), comm, cgroup?, cgroup_id?, job?, kernel (bool),
 *              qps}] (32 at most), qps_of_other_owners, qps [{qpn, remote_qpn?, qp_type, state?, flow_label?, pid?,
 *              found (by a dump)}] (64 at most), qps_total, probing ("probing"
 *              "waiting" "no_daemon" "unprobed"), probing_reason?, hostname?, tor?, path ("exact" "approximate" "unknown"),
 *              probe_src_port?, interval_ns?, sent, posted, one count per class, recent and loss_verdict… as in peer;
 *              all counts are 0 while unprobed
 * event        type "event", schema, time_ns, event ("create" "reset" "init" "rtr" "rts" "sqd" "sqe" "error" "modify" "destroy"
 *              "found": by a dump), device, port?, driver?, qpn, remote_qpn?, qp_type, state?, pid? (nil: kernel), comm, cgroup?,
 *              cgroup_id?, job?, kernel (bool), src_gid?, dst_gid?, gid_type?, src_port?, flow_label?, traffic_class?,
 *              service_level?, path_mtu?, flow? (id)
 * probe        type "probe", schema, time_ns (wall clock of T1), device, source?, peer, hostname?, seq, kind, class, reason?,
 *              host_noise? ("prober" "responder" "both": whose host did not run meanwhile, so that rtt_ns or a loss may be its fault),
 *              rtt_ns?, prober_delay_ns?, responder_delay_ns?, t1_ns..t6_ns?, clock, error_ns?, src_port?, flow_label,
 *              traffic_class, service_level, size, path, posted (bool), late (bool)
 * window       type "window", schema, by ("target" "flow" "device"), device, port; but for "device" source?, peer, hostname?, flow?
 *              (id, for "flow" alone), kind, interval_ns, flow_label, traffic_class, service_level, src_port?, path; start_ns,
 *              end_ns (wall clock, multiples of window_s unless cut), start_mono_ns (CLOCK_MONOTONIC: tells windows apart after the
 *              wall clock was set back), windows (1), clock_stepped, length_changed, ended (bool: cut for that at either end), due
 *              (= the sum of the classes), posted, one count per class, loss_lost (lost and ack2_missing without host noise),
 *              loss_of (loss_lost + ok + late), loss_ratio?, loss_low, loss_high (Clopper-Pearson interval, 0 to 1), loss_level
 *              (0.95), lost_noise (lost and ack2_missing with host noise), noise (map of results with host noise: prober,
 *              responder, both; and of RTTs left out of rtt for it: rtt_count, rtt_mean_ns?, rtt_max_ns?), clock (map sw, hw:
 *              measured results), sizes [{size? (bytes of payload; nil: further ones together), due, answered, lost, lost_noise,
 *              loss_ratio?, loss_low, loss_high, rtt_min_ns?, rtt_p50_ns?, rtt_p99_ns?}], rtt?, prober_delay, responder_delay
 *              (histograms, below), unbinned (results that those lack for want of memory)
 * config       type "config", file?, error? (why the last reload was refused), read_ns, generation (another for each configuration that
 *              came into force), files [{path, changed? (what became of it since)}], values [{key ("responder.allow"), value,
 *              default (bool), file?, line?, restart (bool: changes at the next start only), pending (left out unless the file wants
 *              another value at the next start)}], peers (number)
 * reload       type "reload", file?, peers (number), changed [{key, from, to, restart}], peers_added, peers_removed, peers_changed
 *              {count, names [str] (16 at most)}
 * histogram    count, sum_ns, min_ns?, p50_ns?, p90_ns?, p99_ns?, p999_ns? (nearest rank, within 1/128), max_ns?, buckets [number,
 *              count, number, count, ...], ascending, those with a count. Bucket n holds the n ns if n < 128; else, with
 *              s = n / 64 - 1 (integer division), all from (n - 64 s) 2^s to (n - 64 s + 1) 2^s - 1 ns. Numbers mean the same
 *              everywhere: histograms are merged by adding counts.
 *
 * Totals are sent (probes that came due; = the sum of the classes + in flight), posted (handed to the RNIC), and
 * ok, lost, late, peer_restarted, peer_down, unresolved, local_error, ack2_missing.
 */
#ifndef RPINGMESH_CONTROL_H
#define RPINGMESH_CONTROL_H

#define CONTROL_SOCKET_DEFAULT "/run/rpingmesh/rpingmeshd.sock"
#define CONTROL_SCHEMA 1

/* First elements of MessagePack-RPC frames. */
#define CONTROL_RPC_REQUEST 0
#define CONTROL_RPC_RESPONSE 1
#define CONTROL_RPC_NOTIFICATION 2

#endif
