// Package db is the SQL persistence of the domain, for SQLite and PostgreSQL:
// migrations, visible hand-written queries, and the change log that every
// mutation writes in its own transaction.
//
// Everything is read inside View and written inside Update; both give a Tx
// whose methods are the queries. A few reads that device traffic needs stand
// on DB itself and cost one query.
//
// It holds no rules: what a row means is decided in store, who may write it in
// the use cases.
//
// There is one text per query. It is written as SQLite spells it, with ?
// for parameters; what PostgreSQL spells differently is rewritten in one place
// (rebind) or given by the two backends (see backend).
package db
