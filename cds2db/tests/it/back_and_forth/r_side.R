# A day of INTERPOLAR's modules on the hub, with the calls they make: a connection for each statement, tables appended to, the
# state waited for by polling, no ORDER BY. What is to be written comes from files; to which raw row a typed one belongs, and
# under which record a patient is shown, is read from the hub. Written from the specification of the calls.
suppressPackageStartupMessages({
  library(DBI)
  library(RPostgreSQL)
  library(data.table)
})
invisible(Sys.setlocale("LC_CTYPE", "C.UTF-8"))

folder <- Sys.getenv("DAY_FOLDER")
parts <- strsplit(Sys.getenv("DAY_PARTS"), " ", fixed = TRUE)[[1]]
tables <- strsplit(Sys.getenv("DAY_TABLES"), " ", fixed = TRUE)[[1]]
fail <- function(...) {
  cat("FAIL ", ..., "\n", sep = "")
  quit(status = 1)
}

with_connection <- function(module, direction, work) {
  connection <- dbConnect(
    PostgreSQL(),
    host = Sys.getenv("HUB_HOST"), port = as.integer(Sys.getenv("HUB_PORT")), dbname = Sys.getenv("HUB_NAME"),
    user = paste0(module, "_user"), password = Sys.getenv("HUB_PASSWORD"),
    options = paste0("-c search_path=", module, "_", direction, " -c client_encoding=UTF8")
  )
  on.exit(dbDisconnect(connection))
  dbExecute(connection, "set time zone 'Europe/Berlin'")
  work(connection)
}
utf8 <- function(x) {
  if (is.character(x)) Encoding(x) <- "UTF-8"
  x
}
read <- function(module, sql) {
  rows <- as.data.table(with_connection(module, "out", function(c) dbGetQuery(c, sql)))
  rows[, names(rows) := lapply(.SD, utf8)]
}
ask <- function(module, sql) with_connection(module, "out", function(c) dbGetQuery(c, sql)[[1]])
write_rows <- function(module, table, rows) {
  if (nrow(rows) == 0) return(invisible())
  with_connection(module, "in", function(c) {
    rows <- rows[, intersect(names(rows), dbListFields(c, table)), with = FALSE]
    if (!dbWriteTable(c, table, as.data.frame(rows), append = TRUE, row.names = FALSE)) fail(table, " cannot be written")
  })
}
wait_until_ready <- function(module) {
  end <- Sys.time() + 60
  while (!grepl("^ReadyToConnect", ask(module, "select db.data_transfer_status()"))) {
    if (Sys.time() > end) fail("the hub is not ready: ", module)
    Sys.sleep(0.2)
  }
}
locked <- function(module, name, read_only, work) {
  wait_until_ready(module)
  text <- sprintf("'%s', '%s:%s'", module, module, name)
  if (!isTRUE(as.logical(ask(module, sprintf("select db.data_transfer_stop(%s)", text))))) fail("no lock: ", module, ":", name)
  result <- work()
  released <- ask(module, sprintf("select db.data_transfer_start(%s, %s)", text, tolower(as.character(read_only))))
  if (!isTRUE(as.logical(released))) fail("not released: ", module, ":", name)
  result
}

# Lines of cells between tabs, a dot behind the last; escaped as COPY does it.
read_file <- function(name) {
  lines <- readLines(file.path(folder, name), encoding = "UTF-8")
  cells <- strsplit(lines, "\t", fixed = TRUE)
  width <- length(cells[[1]])
  if (any(lengths(cells) != width)) fail(name, " has lines of other widths")
  rows <- as.data.table(do.call(rbind, cells[-1]))
  if (length(cells) == 1) rows <- as.data.table(matrix(character(), 0, width))
  setnames(rows, cells[[1]])
  plain <- function(x) {
    x[x == "\\N"] <- NA_character_
    x <- gsub("\\\\", "\001", x, fixed = TRUE)
    x <- gsub("\\t", "\t", gsub("\\n", "\n", gsub("\\r", "\r", x, fixed = TRUE), fixed = TRUE), fixed = TRUE)
    gsub("\001", "\\", x, fixed = TRUE)
  }
  rows[, names(rows) := lapply(.SD, plain)]
  rows[, -width, with = FALSE]
}

# --- the start line: a lock that is left is taken away
ask("cds2db", "select db.data_transfer_reset_lock('cds2db')")

if ("raw" %in% parts) {
  locked("cds2db", "write raw", FALSE, function() {
    for (table in tables) write_rows("cds2db", paste0(table, "_raw"), read_file(paste0(table, "_raw.tsv")))
  })
}

if ("typed" %in% parts) {
  waiting <- locked("cds2db", "read diff", TRUE, function() {
    sapply(tables, function(table) read("cds2db", sprintf("select * from v_%s_raw_diff", table)), simplify = FALSE)
  })
  typed <- sapply(tables, function(table) {
    rows <- read_file(paste0(table, ".tsv"))
    open <- waiting[[table]]
    if (nrow(open) == 0) return(rows[0])
    id <- paste0(table, "_raw_id")
    columns <- names(read_file(paste0(table, "_raw.tsv")))
    key <- rep("", nrow(open))
    for (column in columns) {
      value <- as.character(open[[column]])
      key <- paste0(key, ifelse(is.na(value), "", paste0(column, "=", value, "\037")))
    }
    if (!all(key %in% rows$raw)) fail(table, ": ", sum(!key %in% rows$raw), " raw rows wait that nobody delivered")
    rows[[id]] <- open[[id]][match(rows$raw, key)]
    rows <- rows[!is.na(rows[[id]])]
    cat("typed ", table, " ", nrow(open), " ", nrow(rows), "\n", sep = "")
    rows[, !"raw"]
  }, simplify = FALSE)
  locked("cds2db", "write typed", FALSE, function() {
    for (table in tables) write_rows("cds2db", table, typed[[table]])
  })
}

if ("forms" %in% parts) {
  # The frontend gives back all that it has, and one new form.
  locked("db2frontend", "write", FALSE, function() {
    back <- function(view, drop) {
      rows <- read("db2frontend", sprintf("select * from %s", view))
      technical <- c(drop, "input_datetime", "last_check_datetime", "current_dataset_status", "input_processing_nr",
                     "last_processing_nr", "hash_index_col")
      rows <- rows[, setdiff(names(rows), technical), with = FALSE]
      if (nrow(rows) == 0) return(rows)
      # The frontend speaks text.
      rows[, lapply(.SD, function(x) if (inherits(x, c("POSIXct", "Date"))) format(x) else x)]
    }
    patients <- back("v_patient_fe_last_version", "patient_fe_id")
    write_rows("db2frontend", "patient_fe", patients)
    write_rows("db2frontend", "fall_fe", back("v_fall_fe_last_version", "fall_fe_id"))
    write_rows("db2frontend", "medikationsanalyse_fe", data.table(
      record_id = patients$record_id[1], redcap_repeat_instrument = "medikationsanalyse",
      redcap_repeat_instance = Sys.getenv("DAY"), meda_id = Sys.getenv("DAY")
    ))
  })
  cases <- read_file("fall_fe.tsv")
  patients <- read_file("patient_fe.tsv")
  records <- locked("db2dataprocessor", "read", TRUE, function() {
    shown <- read("db2dataprocessor", "select pat_id, record_id from v_patient_fe")
    if (nrow(shown) == 0) shown <- data.table(pat_id = character(), record_id = character())
    shown <- shown[, .(record_id = record_id[1]), by = pat_id]
    last <- read("db2dataprocessor", "select pat_id, patient_id, pat_name_family from v_patient_last_version")
    # The row whose name is shown, else the first.
    new <- last[!pat_id %in% shown$pat_id, {
      named <- which(pat_name_family == patients$pat_name[match(pat_id[1], patients$pat_id)])
      .(record_id = as.character(patient_id[c(named, 1)[1]]))
    }, by = pat_id]
    rbind(shown, new)
  })
  record <- function(id) records$record_id[match(id, records$pat_id)]
  patients[, c("record_id", "patient_fe_id") := .(record(pat_id), record(pat_id))]
  cases[, c("record_id", "patient_id_fk") := .(record(fall_pat_id), record(fall_pat_id))]
  cases[, fall_fe_id := NULL]
  if (anyNA(patients$record_id) || anyNA(cases$record_id)) fail("patients that are shown and not known")
  locked("db2dataprocessor", "write", FALSE, function() {
    write_rows("db2dataprocessor", "patient_fe", patients)
    write_rows("db2dataprocessor", "fall_fe", cases)
  })
}
wait_until_ready("cds2db")
cat("day done\n")
