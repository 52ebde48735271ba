CREATE TABLE IF NOT EXISTS perdure_visibility_meta (key text PRIMARY KEY, value text NOT NULL);
CREATE TABLE IF NOT EXISTS perdure_visibility_positions (shard int4 PRIMARY KEY, through int8 NOT NULL);
CREATE TABLE IF NOT EXISTS perdure_visibility_partitions (
    id int8 PRIMARY KEY, namespace bytea NOT NULL, divided bool NOT NULL, division bytea NOT NULL, UNIQUE (namespace, divided, division));
CREATE TABLE IF NOT EXISTS perdure_visibility_names (
    id int8 PRIMARY KEY, namespace bytea NOT NULL, name bytea NOT NULL, type int4 NOT NULL, UNIQUE (namespace, name, type));
CREATE TABLE IF NOT EXISTS perdure_visibility_runs (
    id int8 PRIMARY KEY, shard int4 NOT NULL, part int8 NOT NULL, namespace int8 NOT NULL, run_id bytea NOT NULL,
    workflow_id bytea NOT NULL, workflow_type bytea NOT NULL, task_queue bytea NOT NULL,
    status int4 NOT NULL, closed int8 NOT NULL, started int8 NOT NULL, executed int8 NOT NULL,
    parent_workflow_id bytea, parent_run_id bytea, root_workflow_id bytea, root_run_id bytea,
    history_length int8, history_size int8, transitions int8, duration int8, rest bytea);
CREATE UNIQUE INDEX IF NOT EXISTS perdure_visibility_runs_by_run ON perdure_visibility_runs (run_id, namespace);
CREATE INDEX IF NOT EXISTS perdure_visibility_runs_by_time ON perdure_visibility_runs (part, closed, started, id);
CREATE INDEX IF NOT EXISTS perdure_visibility_runs_by_workflow ON perdure_visibility_runs (part, workflow_id, closed, started, id);
CREATE INDEX IF NOT EXISTS perdure_visibility_runs_by_type ON perdure_visibility_runs (part, workflow_type, closed, started, id);
CREATE INDEX IF NOT EXISTS perdure_visibility_runs_by_queue ON perdure_visibility_runs (part, task_queue, closed, started, id);
CREATE INDEX IF NOT EXISTS perdure_visibility_runs_by_start ON perdure_visibility_runs (part, started);
CREATE INDEX IF NOT EXISTS perdure_visibility_runs_by_status ON perdure_visibility_runs (part, status, closed, started, id) WHERE status <> 2;
CREATE INDEX IF NOT EXISTS perdure_visibility_runs_by_parent ON perdure_visibility_runs (part, parent_workflow_id, closed, started) WHERE parent_workflow_id IS NOT NULL;
CREATE INDEX IF NOT EXISTS perdure_visibility_runs_by_root ON perdure_visibility_runs (part, root_workflow_id, closed, started) WHERE root_workflow_id IS NOT NULL;
CREATE TABLE IF NOT EXISTS perdure_visibility_attributes (
    id int8 NOT NULL, attr int8 NOT NULL, value bytea NOT NULL, closed int8 NOT NULL, started int8 NOT NULL, PRIMARY KEY (id, attr, value));
CREATE INDEX IF NOT EXISTS perdure_visibility_attributes_by_value ON perdure_visibility_attributes (attr, value, closed, started, id);
CREATE TABLE IF NOT EXISTS perdure_visibility_counts (
    part int8 NOT NULL, status int4 NOT NULL, slot int4 NOT NULL, n int8 NOT NULL, PRIMARY KEY (part, status, slot))
