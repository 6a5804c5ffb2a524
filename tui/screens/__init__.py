"""Whole screens of the app: the catalogue, and the editor that has the terminal. They may know widgets and the lab, no other screen."""
