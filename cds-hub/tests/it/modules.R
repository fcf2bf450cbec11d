# The calls INTERPOLAR's modules make, as they make them: a connection for each statement, no ORDER BY, tables appended to,
# the state waited for by polling. Written from the specification of the calls; prints one line a check and ends with the
# number of failures.
suppressPackageStartupMessages({
  library(DBI)
  library(RPostgreSQL)
  library(data.table)
})

settings <- as.list(Sys.getenv(c("HUB_HOST", "HUB_PORT", "HUB_NAME", "HUB_SERVED", "HUB_CRACKED")))
failures <- 0L

check <- function(what, ok) {
  cat(if (isTRUE(ok)) "ok   " else "FAIL ", what, "\n", sep = "")
  if (!isTRUE(ok)) failures <<- failures + 1L
}

# A connection as a module's role, with its schema in front.
with_connection <- function(module, direction, work) {
  user <- paste0(module, "_user")
  connection <- dbConnect(
    PostgreSQL(),
    host = settings$HUB_HOST, port = as.integer(settings$HUB_PORT), dbname = settings$HUB_NAME,
    user = user, password = Sys.getenv("HUB_PASSWORD"),
    options = paste0("-c search_path=", module, "_", direction)
  )
  on.exit(dbDisconnect(connection))
  dbExecute(connection, "set time zone 'Europe/Berlin'")
  dbExecute(connection, "set work_mem = '32MB'")
  work(connection)
}

read <- function(module, sql) as.data.table(with_connection(module, "out", function(c) dbGetQuery(c, sql)))
ask <- function(module, sql) with_connection(module, "out", function(c) dbGetQuery(c, sql)[[1]])
write_rows <- function(module, table, rows) {
  with_connection(module, "in", function(c) {
    existing <- dbListFields(c, table)
    rows <- rows[, intersect(names(rows), existing), with = FALSE]
    dbWriteTable(c, table, as.data.frame(rows), append = TRUE, row.names = FALSE)
  })
}

status <- function(module) ask(module, "select db.data_transfer_status()")
wait_until_ready <- function(module, seconds = 60) {
  end <- Sys.time() + seconds
  while (Sys.time() < end) {
    if (grepl("^ReadyToConnect", status(module), ignore.case = TRUE)) return(TRUE)
    Sys.sleep(0.5)
  }
  FALSE
}
lock <- function(module, name) {
  if (!wait_until_ready(module)) return(FALSE)
  isTRUE(as.logical(ask(module, sprintf("select db.data_transfer_stop('%s', '%s:%s')", module, module, name))))
}
unlock <- function(module, name, read_only) {
  isTRUE(as.logical(ask(module, sprintf(
    "select db.data_transfer_start('%s', '%s:%s', %s)", module, module, name, tolower(as.character(read_only))
  ))))
}

# --- the start of a module: reset of its own lock, version
ask("cds2db", "select db.data_transfer_reset_lock('cds2db')")
check("reset of a lock leaves a state that can be waited for", wait_until_ready("cds2db"))
version <- read("cds2db", "select parameter_value from v_db_parameter where parameter_name = 'release_version'")
check("release version is told", identical(version$parameter_value, "1.7.1"))

# --- cds2db: raw rows, in two ways of writing
check("lock is taken", lock("cds2db", "write raw"))
check("a second module does not get it", !isTRUE(as.logical(ask("db2dataprocessor", "select db.data_transfer_stop('dataprocessor', 'dataprocessor:x')"))))
patients <- data.table(
  pat_id = sprintf("[1]r%d", 1:5),
  pat_meta_versionid = "[1.1]1",
  pat_meta_lastupdated = "[1.1]2026-01-01T10:00:00+01:00",
  pat_name_family = sprintf("[1.1]Alpha%d ~ [2.1]Beta%d", 1:5, 1:5),
  pat_gender = "[1]female"
)
write_rows("cds2db", "patient_raw", patients)
write_rows("cds2db", "pids_per_ward_raw", data.table(ward_name = "Ward 1", patient_id = sprintf("r%d", 1:5), encounter_id = sprintf("e%d", 1:5)))
with_connection("cds2db", "in", function(c) {
  for (n in 1:3) dbExecute(c, sprintf("insert into encounter_raw (enc_id, enc_patient_ref, enc_status) values ('[1]e%d', '[1.1]Patient/r%d', '[1]in-progress')", n, n))
})
check("the state names the holder", grepl("#cds2db#", status("cds2db"), fixed = TRUE))
check("lock is given back after a write", unlock("cds2db", "write raw", FALSE))
check("what was written arrives, and the next lock need not wait for a minute", wait_until_ready("cds2db", 20))

# --- cds2db: reads what waits, melts, writes typed rows
check("lock for reading", lock("cds2db", "read diff"))
waiting <- read("cds2db", "select * from v_patient_raw_diff")
check("patients wait for typing", all(patients$pat_id %in% waiting$pat_id))
wards <- read("cds2db", "select * from v_pids_per_ward_raw_diff")
encounters <- read("cds2db", "select * from v_encounter_raw_diff")
check("lock is given back after a read", unlock("cds2db", "read diff", TRUE))
check("a read leaves the state open", grepl("^ReadyToConnect", status("cds2db")))
bare <- function(x) sub("^\\[[0-9.]+\\]", "", x)
melted <- waiting[, {
  names <- if (is.na(pat_name_family)) NA_character_ else bare(strsplit(pat_name_family, " ~ ", fixed = TRUE)[[1]])
  list(pat_name_family = names)
}, by = patient_raw_id]
typed <- merge(waiting[, !"pat_name_family"], melted, by = "patient_raw_id")
text <- setdiff(grep("^pat_", names(typed), value = TRUE), "pat_name_family")
typed[, (text) := lapply(.SD, function(x) bare(as.character(x))), .SDcols = text]
# As the modules do it: every column that was read is written, technical ones apart.
drop <- c("input_datetime", "last_check_datetime", "current_dataset_status", "input_processing_nr", "last_processing_nr",
          "raw_already_processed", "hash_index_col")
typed <- typed[, setdiff(names(typed), drop), with = FALSE]
time <- intersect(c("pat_meta_lastupdated"), names(typed))
typed[, (time) := lapply(.SD, function(x) format(as.POSIXct(x, format = "%Y-%m-%dT%H:%M:%OS", tz = "UTC"))), .SDcols = time]
check("lock for typed rows", lock("cds2db", "write typed"))
write_rows("cds2db", "patient", typed)
write_rows("cds2db", "pids_per_ward", wards[, .(pids_per_ward_raw_id, ward_name, patient_id, encounter_id)])
write_rows("cds2db", "encounter", encounters[, .(encounter_raw_id, enc_id = bare(enc_id), enc_patient_ref = bare(enc_patient_ref), enc_status = bare(enc_status))])
check("release of typed rows", unlock("cds2db", "write typed", FALSE))
check("typed rows arrive", wait_until_ready("cds2db", 20))
check("nothing waits any more", nrow(read("cds2db", "select * from v_patient_raw_diff")) == 0)

# --- dataprocessor: reads without ORDER BY, takes the first row of each patient
check("dataprocessor locks", lock("db2dataprocessor", "read"))
last <- read("db2dataprocessor", "select patient_id, pat_id, pat_name_family from v_patient_last_version")
first <- last[, .SD[1], by = pat_id]
check("both names of a patient are current", nrow(last[pat_id == "r1"]) == 2)
check("the first row of a patient is the oldest", all(first$patient_id == last[, min(patient_id), by = pat_id]$V1))
again <- read("db2dataprocessor", "select patient_id, pat_id, pat_name_family from v_patient_last_version")
check("a second read gives the same order", identical(last$patient_id, again$patient_id))
on_wards <- read("db2dataprocessor", "select * from v_pids_per_ward_last_import")
check("the ward list is whole", nrow(on_wards) == 5)
number <- ask("db2dataprocessor", "select db.get_last_processing_nr_typed()")
check("the newest number is that of the typed rows", as.integer(number) == max(read("db2dataprocessor", "select last_processing_nr from v_patient")$last_processing_nr))
if (nzchar(settings$HUB_CRACKED)) {
  check("rows that cds2db of ours cracked were typed here", any(grepl("^cracked", last$pat_id)))
}
check("dataprocessor releases after reading", unlock("db2dataprocessor", "read", TRUE))
check("dataprocessor locks for writing", lock("db2dataprocessor", "write"))
write_rows("db2dataprocessor", "patient_fe", first[, .(patient_fe_id = patient_id, record_id = as.character(patient_id), pat_id, pat_name = pat_name_family, patient_complete = "Complete")])
check("dataprocessor releases after writing", unlock("db2dataprocessor", "write", FALSE))

# --- frontend: exports all forms, without ids
check("frontend locks", lock("db2frontend", "write"))
write_rows("db2frontend", "medikationsanalyse_fe", data.table(record_id = "1", redcap_repeat_instrument = "medikationsanalyse", redcap_repeat_instance = "1", meda_id = "1-m1"))
check("frontend releases", unlock("db2frontend", "write", FALSE))
check("frontend need not wait", wait_until_ready("db2frontend", 20))
shown <- read("db2frontend", "select * from v_patient_fe_last_version")
check("the frontend sees the patients", all(first$pat_id %in% shown$pat_id))
ids <- read("db2dataprocessor", "select medikationsanalyse_fe_id from v_medikationsanalyse_fe")
check("a row of the frontend has an id", nrow(ids) == 1 && !is.na(ids[[1]]))

# --- the debug mode that runs the transfer at once
for (name in c("add_hist_raw_records", "copy_raw_cds_in_to_db_log", "copy_type_cds_in_to_db_log", "take_over_last_check_date",
               "copy_fe_dp_in_to_db_log", "copy_fe_fe_in_to_db_log")) {
  result <- tryCatch(ask("cds2db", sprintf("select db.%s()", name)), error = function(e) "error")
  # The alignment reports each import once.
  done <- name == "take_over_last_check_date" && grepl("^Done", result)
  check(paste0("db.", name, "() runs and has nothing to do"), length(result) == 1 && (is.na(result) || done))
}
ask("cds2db", "select db.error_log(err_schema => 's', err_objekt => 'o', err_user => 'u', err_msg => 'm', err_line => 'l', err_variables => 'v', last_processing_nr => 1)")

# --- a lock that is not ours, an operator's stop
check("a wrong name releases nothing", !unlock("cds2db", "not held", FALSE))
cat(failures, "failures\n")
quit(status = if (failures > 0) 1 else 0)
