"""What pytest does differently for the browser tests, a file for each job."""
