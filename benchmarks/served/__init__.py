"""The programs and models of the compared servers, each written as the documentation of its server shows."""
