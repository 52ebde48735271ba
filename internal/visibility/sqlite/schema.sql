-- The index of runs. Times are nanoseconds since 1970; an open run closes at the end of
-- time, so that it is in front of all that have closed.

CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;

-- How far the change log of each shard has been applied.
CREATE TABLE positions (shard INTEGER PRIMARY KEY, through INTEGER NOT NULL);

-- A namespace has one partition for rows in no division, whose division is NULL, and one
-- for each division.
CREATE TABLE partitions (id INTEGER PRIMARY KEY, namespace TEXT NOT NULL, division TEXT);
CREATE INDEX partitions_by_namespace ON partitions (namespace, division);

CREATE TABLE runs (
    id                 INTEGER PRIMARY KEY,
    part               INTEGER NOT NULL,
    namespace          INTEGER NOT NULL, -- the partition of rows in no division
    run_id             TEXT    NOT NULL,
    workflow_id        TEXT    NOT NULL,
    workflow_type      TEXT    NOT NULL,
    task_queue         TEXT    NOT NULL,
    status             INTEGER NOT NULL,
    closed             INTEGER NOT NULL,
    started            INTEGER NOT NULL,
    executed           INTEGER NOT NULL, -- when the first workflow task was due
    parent_workflow_id TEXT,
    parent_run_id      TEXT,
    root_workflow_id   TEXT,             -- both NULL: the run is its own root
    root_run_id        TEXT,
    history_length     INTEGER,          -- this and the next three: of closed runs
    history_size       INTEGER,
    transitions        INTEGER,
    duration           INTEGER,
    rest               BLOB              -- records.WorkflowRow of what nobody searches by
);
CREATE UNIQUE INDEX runs_by_run ON runs (run_id, namespace);
CREATE INDEX runs_by_time ON runs (part, closed, started, id, duration); -- durations are looked for among all runs
-- With id and status, so that rows of one status are found without a look at runs (narrow.go).
CREATE INDEX runs_by_workflow ON runs (part, workflow_id, closed, started, id, status);
CREATE INDEX runs_by_type ON runs (part, workflow_type, closed, started, id, status);
CREATE INDEX runs_by_queue ON runs (part, task_queue, closed, started, id, status);
CREATE INDEX runs_by_start ON runs (part, started);
CREATE INDEX runs_by_status ON runs (part, status, closed, started) WHERE status <> 2; -- most have completed
CREATE INDEX runs_by_parent ON runs (part, parent_workflow_id, closed, started) WHERE parent_workflow_id IS NOT NULL;
CREATE INDEX runs_by_root ON runs (part, root_workflow_id, closed, started) WHERE root_workflow_id IS NOT NULL;

-- Which search attributes there have been. One that is removed and added again with
-- another type is another one.
CREATE TABLE attribute_names (id INTEGER PRIMARY KEY, namespace TEXT NOT NULL, name TEXT NOT NULL, type INTEGER NOT NULL, UNIQUE (namespace, name, type));

-- A search attribute of a run has a row, a list of keywords one for each, a text one for
-- each of its words.
CREATE TABLE attributes (
    id      INTEGER NOT NULL, -- of the run
    attr    INTEGER NOT NULL,
    value   NOT NULL,
    closed  INTEGER NOT NULL, -- this and the next three: as in runs
    started INTEGER NOT NULL,
    status  INTEGER NOT NULL,
    part    INTEGER NOT NULL,
    PRIMARY KEY (id, attr, value)
) WITHOUT ROWID;
CREATE INDEX attributes_by_value ON attributes (attr, value, closed, started, id, status, part);

-- How many runs there are.
CREATE TABLE counts (part INTEGER NOT NULL, status INTEGER NOT NULL, n INTEGER NOT NULL, PRIMARY KEY (part, status)) WITHOUT ROWID;
