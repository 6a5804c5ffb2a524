"""Controllers of work that ends: Jobs, CronJobs, and finished Jobs whose time to live is over."""
