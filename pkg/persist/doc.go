// Package persist copies readings from the store into the database: one row a
// minute, rolled up to hours and days, and deletes what is older than the
// retention.
//
//	store ── minutes behind the mark ──▶ <reading>_minute ──▶ _hourly ──▶ _daily
//
// # Exactly once
//
// Nothing is pushed. Each tier of each reading has a high-water mark in the
// database: everything before it is stored. A flush reads what lies behind
// the mark, from the store for minutes, from the finer tier for hours and
// days, and writes rows and mark in one transaction, after it has seen that
// the mark is still where it was. So a crash, a failed commit or a database
// that is away costs nothing: the next flush begins where the last one
// ended, oldest first, as far back as the store reaches. Older minutes are
// lost, and counted.
//
// # What belongs to a minute
//
// A sample belongs to the minute in which its slot begins, in UTC like all
// times here. With steps above a minute only the minutes in which a slot
// begins have a row. A gauge's row holds mean, lowest and highest value; a
// counter's the sum of the increments that ended in the minute, so the hours
// are exact sums. N counts the slots in which the row was written, and
// weighs the means of hours and days: a field that was absent in some of the
// slots weighs as if it had been there.
//
// A minute is written when the last sweep that belongs to it is complete; of
// a collector that hangs or is off, after two steps, at least 90 s. An hour
// is written when the minutes have passed its end, a day when the hours have.
//
// The minute in progress at the end of the agent is not written: the store's
// journal has it, and the next start writes it whole.
//
// # When the clock goes back
//
// Minutes before the mark are not written again, unless the mark lies more
// than a minute ahead of the clock: then it goes back to where the clock now
// began, and the minutes that are lived again replace the earlier ones, as
// the store's new epoch hides its old one. Hours and days follow.
package persist
