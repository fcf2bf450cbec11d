# The flattening task with fhircrackr: Rscript task.R FOLDER OUT, FOLDER with bundles as XML. Prints one line of JSON.
arguments <- commandArgs(trailingOnly = TRUE)
if (!requireNamespace("fhircrackr", quietly = TRUE)) quit(status = 3)
suppressPackageStartupMessages(library(fhircrackr))
bundles <- fhir_load(arguments[1])
begun <- proc.time()
table <- function(resource, columns) fhir_table_description(
  resource = resource, cols = columns, sep = " ~ ", brackets = c("[", "]"), rm_empty_cols = FALSE, verbose = 0)
coding <- function(at) c(system = paste0(at, "/coding/system"), code = paste0(at, "/coding/code"), display = paste0(at, "/coding/display"))
tables <- fhir_crack(bundles, fhir_design(
  Observation = table("Observation", c(id = "id", status = "status", subject = "subject/reference", effective = "effectiveDateTime", coding("code"))),
  Encounter = table("Encounter", c(id = "id", status = "status", subject = "subject/reference", start = "period/start", coding("type"))),
  Condition = table("Condition", c(id = "id", recorded = "recordedDate", subject = "subject/reference", onset = "onsetDateTime", coding("code")))), verbose = 0)
rows <- 0
for (name in names(tables)) {
  melted <- fhir_melt(tables[[name]], columns = c("system", "code", "display"), brackets = c("[", "]"), sep = " ~ ", all_columns = TRUE)
  melted <- fhir_rm_indices(melted, brackets = c("[", "]"))
  write.csv(melted, file.path(arguments[2], paste0(name, ".csv")), row.names = FALSE)
  rows <- rows + nrow(melted)
}
used <- proc.time() - begun
status <- tryCatch(readLines("/proc/self/status"), error = function(e) character())
peak <- as.numeric(sub("[^0-9]*([0-9]+).*", "\\1", grep("^VmHWM", status, value = TRUE)))
cat(sprintf('{"version": "%s", "rows": %d, "seconds": %f, "cpu_seconds": %f, "peak_bytes": %.0f}\n',
  packageVersion("fhircrackr"), as.integer(rows), used[["elapsed"]], used[["user.self"]] + used[["sys.self"]], if (length(peak)) peak * 1024 else 0))
