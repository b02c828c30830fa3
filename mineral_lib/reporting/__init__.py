"""Reporting: tables, figures and the report, all made from the files of finished runs."""
