"""describe's pods and pod templates: their containers and volumes. Models: kubectl/pkg/describe/describe.go."""
