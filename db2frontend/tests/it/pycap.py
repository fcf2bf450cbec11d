"""PyCap reads what the exchange wrote and writes what the exchange reads."""

import sys

from redcap import Project

url, token, what, record = sys.argv[1:5]
project = Project(url, token)
if what == "read":
    rows = project.export_records(format_type="json")
    patients = [row for row in rows if not row.get("redcap_repeat_instrument")]
    falls = [row for row in rows if row.get("redcap_repeat_instrument") == "fall"]
    print(len(patients), len(falls))
    for row in sorted(falls, key=lambda row: row["fall_fhir_enc_id"]):
        print(row["fall_fhir_enc_id"], row["redcap_repeat_instance"], row["fall_station"], row["fall_aufn_dat"])
    for row in sorted(patients, key=lambda row: row["pat_id"]):
        print(row["pat_id"], row["pat_name"])
else:
    row = {
        "record_id": record,
        "redcap_repeat_instrument": "medikationsanalyse",
        "redcap_repeat_instance": "1",
        "fall_meda_id": "F1",
        "meda_notiz": 'from PyCap: "x"\nä 😀',
        "meda_mrp_detekt": "0",
        "medikationsanalyse_complete": "2",
    }
    answer = project.import_records([row], import_format="json", return_content="count")
    print(answer["count"])
